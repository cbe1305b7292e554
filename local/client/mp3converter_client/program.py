"""What this program is called here, for lines that people paste."""

name = "mp3"
