package accounts

allow if {
	input.user
	not input.suspended
}
