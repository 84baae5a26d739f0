import os

BROKER = os.environ["BROKER"]
