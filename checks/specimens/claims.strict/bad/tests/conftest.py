import os

os.environ["SOMABRAIN_STRICT_REAL"] = "0"
