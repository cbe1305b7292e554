"""Notes: what the owner of an MP3 is told about it, by the names that its job document has."""

TRUNCATED_SOURCE = "truncated_source"
NO_COVER = "no_cover"
LIMITED = "limited"
JOINED = "joined"
OTHER_TRACKS = "other_tracks"
