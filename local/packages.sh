#!/bin/sh
# As root: install Debian packages without starting their services, now or at the next boot.
set -eu
export DEBIAN_FRONTEND=noninteractive
policy=${POLICY_RC_D:-/usr/sbin/policy-rc.d}
saved=$policy.before-mp3converter
mark="# temporary, by mp3converter"
services="mariadb rabbitmq-server caddy epmd.service epmd.socket"

restore() {
    if [ -f "$policy" ] && grep -q "$mark" "$policy"; then rm -f "$policy"; fi
    if [ -e "$saved" ] || [ -L "$saved" ]; then mv -f "$saved" "$policy"; fi
}

known_before=" "
for service in $services; do
    if systemctl cat "$service" >/dev/null 2>&1; then known_before="$known_before$service "; fi
done

restore # after a killed run
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [ -e "$policy" ] || [ -L "$policy" ]; then mv "$policy" "$saved"; fi
# Denies only while this script runs. If it is killed, the previous policy applies again at once.
cat >"$policy" <<END
#!/bin/sh
$mark
if kill -0 $$ 2>/dev/null; then exit 101; fi
if [ -x "$saved" ]; then exec "$saved" "\$@"; fi
exit 0
END
chmod 755 "$policy"

apt-get -q -o DPkg::Lock::Timeout=300 update
apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"

for service in $services; do
    case $known_before in *" $service "*) continue ;; esac
    if systemctl cat "$service" >/dev/null 2>&1; then
        systemctl disable --quiet "$service" || echo "$service could not be disabled and will start at the next boot"
    fi
done
