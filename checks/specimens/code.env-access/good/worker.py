from settings import BROKER

print(BROKER)
