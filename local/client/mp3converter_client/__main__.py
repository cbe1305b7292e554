"""Run the command line: python -m mp3converter_client."""

import sys

from mp3converter_client.main import main

if __name__ == "__main__":
    sys.exit(main())
