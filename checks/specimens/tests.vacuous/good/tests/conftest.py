import sys

collect_ignore = []
if sys.platform == "win32":
    collect_ignore.append("test_unix.py")
