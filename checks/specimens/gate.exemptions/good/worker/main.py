from worker.settings import BROKER

print(BROKER)
