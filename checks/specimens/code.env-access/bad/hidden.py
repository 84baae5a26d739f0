import subprocess

EVERYTHING = open("/proc/self/environ", "rb").read()
HOME = subprocess.run("echo $HOME", shell=True, capture_output=True).stdout
exec("import os; token = os.environ['TOKEN']")
