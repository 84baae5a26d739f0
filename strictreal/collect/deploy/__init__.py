"""What a deployment starts, read from the files that say so: images, processes, units, manifests."""
