BROKER_HOST = "kafka.prod.internal"
BROKER_PORT = 9092
MAX_ATTEMPTS = 5
