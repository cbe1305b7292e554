// What does not fit in the window: run in the page with the ways in which its text shall stand, see layouts.py.
(ways) => {
    const root = document.documentElement;
    const style = new CSSStyleSheet();
    style.replaceSync(`
        html.large { font-size: 200% }
        html.spaced * { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }
        html.spaced p { margin-block-end: 2em !important }`);
    document.adoptedStyleSheets = [style];
    const area = document.querySelector("dialog[open]") ?? document.body;
    const hidden = (element) => !element.checkVisibility() || element.closest(".unseen, .chips input, canvas, option");
    const named = (element) => `${element.tagName.toLowerCase()}.${element.className} "${element.textContent.trim().slice(0, 40)}"`;
    // What is wider than its place and scrolls there, as text fields and lines of code do, is not cut off.
    const scrolls = (element) => element.closest("input, select, textarea, pre");

    function pieces() {
        const walker = document.createTreeWalker(area, NodeFilter.SHOW_TEXT);
        const found = [];
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            const element = node.parentElement;
            if (!node.data.trim() || hidden(element) || scrolls(element)) continue;
            for (const [at, word] of [...node.data.matchAll(/\S+/g)].map((one) => [one.index, one[0]])) {
                const range = document.createRange();
                range.setStart(node, at);
                range.setEnd(node, at + word.length);
                found.push({ element, word, boxes: [...range.getClientRects()].filter((box) => box.width) });
            }
        }
        const controls = [...area.querySelectorAll("input:not([type=range]), select, textarea, progress")];
        for (const element of controls) if (!hidden(element)) found.push({ element, word: "", boxes: [element.getBoundingClientRect()] });
        return found;
    }

    function misfits() {
        const found = [];
        const width = root.clientWidth;
        if (root.scrollWidth > width) found.push(`scrolls sideways, ${root.scrollWidth} of ${width}`);
        const all = pieces();
        for (const { element, word, boxes } of all) {
            const block = element.closest("button, a, label, p, li, h1, h2, h3, section, dialog, header, footer, summary, div");
            const place = block.getBoundingClientRect();
            for (const box of boxes) {
                if (box.left < -1 || box.right > width + 1) found.push(`outside the window: ${word} in ${named(element)}`);
                else if (box.left < place.left - 1 || box.right > place.right + 1) found.push(`outside its place: ${word} in ${named(block)}`);
            }
            // Only names of files and addresses may be broken anywhere.
            const lines = new Set(boxes.map((box) => Math.round(box.top)));
            if (lines.size > 1 && !/[-/]/.test(word) && !element.closest("bdi, .gone p, .copying")) found.push(`broken: ${word} in ${named(element)}`);
        }
        const boxes = all.flatMap(({ element, boxes }) => boxes.map((box) => ({ element, box }))).sort((one, other) => one.box.top - other.box.top);
        for (const [at, { element, box }] of boxes.entries()) {
            for (let next = at + 1; next < boxes.length && box.bottom - boxes[next].box.top > 6; next += 1) {
                const { element: other, box: its } = boxes[next];
                const across = Math.min(box.right, its.right) - Math.max(box.left, its.left);
                const down = Math.min(box.bottom, its.bottom) - its.top;
                if (across <= 2 || down <= 6 || element.contains(other) || other.contains(element)) continue;
                // What floats over the page may cover it.
                if (Boolean(element.closest(".toast")) !== Boolean(other.closest(".toast"))) continue;
                found.push(`${named(element)} overlaps ${named(other)}`);
            }
        }
        for (const element of area.querySelectorAll("*")) {
            if (hidden(element) || scrolls(element) || element.closest(".still, progress, svg")) continue;
            const cuts = getComputedStyle(element).overflow !== "visible" && element !== area && element !== document.body;
            if (cuts && (element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1)) found.push(`cut off: ${named(element)}`);
        }
        return [...new Set(found)];
    }

    const result = ways.flatMap((way) => {
        root.className = way;
        root.dir = way.includes("rtl") ? "rtl" : "ltr";
        return misfits().map((each) => `${innerWidth} ${way}: ${each}`);
    });
    root.className = "";
    root.dir = "ltr";
    document.adoptedStyleSheets = [];
    return result;
}
