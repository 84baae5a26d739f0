package release

deny contains "the release is too old" if {
	time.parse_rfc3339_ns(input.now) - time.parse_rfc3339_ns(input.released) > data.max_age_ns
}
