collect_ignore = ["test_broker.py"]
