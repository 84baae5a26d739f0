"""What the Soma services share."""
