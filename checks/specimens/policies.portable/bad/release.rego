package release

deny contains "the release is too old" if {
	time.now_ns() - time.parse_rfc3339_ns(input.released) > data.max_age_ns
}
