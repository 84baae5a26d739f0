package users_test

import data.users

test_stranger_is_denied if {
	users.deny == {"the user is not known"} with input as {"user": "mallory"}
}

test_known_user_passes if {
	users.deny == set() with input as {"user": "alice"}
}
