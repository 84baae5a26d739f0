"""The engine: arrays and mathematics. It knows no protocol, no storage, no clock, no setting and starts no thread."""
