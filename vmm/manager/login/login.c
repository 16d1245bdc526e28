/* SPDX-License-Identifier: MIT */
/*
 * Checks passwords and delays the next try after wrong ones. Called by the console, the machine
 * channels, gdb/ and `lock`; setup.c sets the password. Owns which password is required; each
 * `struct login` is its caller's.
 */
#include "vmm/manager/login/login.h"
#include "vmm/manager/log/log.h"
#include "vmm/rt/clock.h"

/*
 * Iterations of a password's hash in one step, about a million instructions: the event loop, which
 * calls login_step, has other work.
 */
#define ITERATIONS_A_STEP 128u

static const struct password_hash *required;

void login_require(const struct password_hash *hash)
{
	required = hash;
}

bool login_required(void)
{
	return required != NULL;
}

bool login_possible(void)
{
	return required == NULL || required->iterations != 0;
}

static void login_tell_log(const struct login *login, enum log_level level, const char *what)
{
	log_actor_set(login->name);
	log_message(level, LOG_AUDIT, "", "%s", what);
	log_actor_set(NULL);
}

void login_lock(struct login *login)
{
	login->open = required == NULL;
	login->checking = false;
	if (!login->open)
		login_tell_log(login, LOG_INFO, "locked");
}

u64 login_wait_ns(const struct login *login)
{
	u64 now = clock_tsc();

	return now < login->again_tsc ? clock_tsc_to_ns(login->again_tsc - now) : 0;
}

void login_try(struct login *login, struct text password)
{
	static const struct password_hash none = {.iterations = 1};
	const struct password_hash *as = required != NULL ? required : &none;

	login->checking = true;
	login->never = as->iterations == 0 || password.length > PASSWORD_LENGTH_MAX;
	password_begin(&login->work, password, as->iterations != 0 ? as : &none);
}

static u64 login_delay_s(u32 failures)
{
	u32 doublings = failures - LOGIN_FREE_FAILURES;

	if (failures < LOGIN_FREE_FAILURES)
		return 0;
	return doublings < 6 ? 1ull << doublings : LOGIN_DELAY_MAX_S;
}

static void login_count_wrong(struct login *login)
{
	u64 seconds;

	login->failures++;
	login->open = false;
	seconds = login_delay_s(login->failures);
	login->again_tsc = clock_tsc() + clock_ns_to_tsc(seconds * NS_PER_S);
	log_actor_set(login->name);
	log_message(LOG_WARNING, LOG_AUDIT, "",
		    "wrong password, %u in a row, the next is accepted in %llu s", login->failures,
		    (unsigned long long)seconds);
	log_actor_set(NULL);
}

enum login_state login_step(struct login *login)
{
	if (!password_step(&login->work, ITERATIONS_A_STEP))
		return LOGIN_CHECKING;
	login->checking = false;
	if (required != NULL && (!password_matches(&login->work, required) || login->never)) {
		login_count_wrong(login);
		return LOGIN_WRONG;
	}
	login->failures = 0;
	if (!login->open)
		login_tell_log(login, LOG_INFO, "unlocked");
	login->open = true;
	return LOGIN_RIGHT;
}
