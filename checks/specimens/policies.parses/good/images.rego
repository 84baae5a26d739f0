package images

deny contains "an image has no tag" if {
	not has_tag(input)
}

has_tag(container) if contains(container.image, ":")
