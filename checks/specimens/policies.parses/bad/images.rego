package images

deny contains "an image has no tag" if {
	not contains(input.image, ":"
}
