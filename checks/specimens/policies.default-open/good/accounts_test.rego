package accounts_test

import data.accounts

test_suspended_user_is_refused if not accounts.allow with input as {"user": "ann", "suspended": true}
