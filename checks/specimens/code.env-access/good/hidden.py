import subprocess

STATUS = open("/proc/self/status", "rb").read()
GREETING = subprocess.run("echo hello", shell=True, capture_output=True).stdout
exec("token = 1")
