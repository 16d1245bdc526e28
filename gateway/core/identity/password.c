/* SPDX-License-Identifier: MIT */
/*
 * Hashes passwords in a thread, so that core does not wait. The handlers of users and logins ask
 * for hashes, and core's main loop handles the results; it reads and writes no file.
 */

#include "gateway/core/identity/password.h"

#include <crypt.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

#include "gateway/base/bytes.h"
#include "gateway/base/string.h"
#include "gateway/core/identity/login.h"

struct job {
	bool used, make;
	/*
	 * the client's address, which may have PASSWORD_PER_ADDRESS jobs; "": the job counts for
	 * none
	 */
	char address[48];
	char text[PASSWORD_MOST + 1];
	/* the hash to compare with, or the salt and cost of a new one */
	char setting[PASSWORD_HASH_BYTES];
	bool known; /* `setting` is the hash of a user who exists */
	password_done done;
	struct password_result result;
};

/*
 * The jobs of hashing. Core fills one and sends its index to the thread, which sends it back when
 * the job is done.
 */
static struct job jobs[PASSWORD_JOBS];
static int password_asked[2] = {-1, -1}, password_answered[2] = {-1, -1};

bool password_valid(const char *text)
{
	size_t length = text ? strlen(text) : 0;

	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 127)
			return false;
	}
	return length >= PASSWORD_LEAST && length <= PASSWORD_MOST &&
	       utf8_valid((const uint8_t *)text, length);
}

/* Makes a salt from the system's random numbers; libcrypt chooses the cost. */
static bool password_salt(char *setting)
{
	return crypt_gensalt_rn("$y$", 0, NULL, 0, setting, PASSWORD_HASH_BYTES);
}

static void password_compute(struct job *job)
{
	static struct crypt_data data;
	const char *hash = crypt_r(job->text, job->setting, &data);
	size_t length = hash && *hash != '*' ? strlen(hash) : 0;

	job->result.right = job->known && length && length == strlen(job->setting) &&
			    gnutls_memcmp(hash, job->setting, length) == 0;
	if (job->make && length < PASSWORD_HASH_BYTES)
		memcpy(job->result.hash, hash, length);
	explicit_bzero(job->text, sizeof(job->text));
	explicit_bzero(&data, sizeof(data));
}

static void *password_run(void *unused)
{
	uint8_t number;

	(void)unused;
	while (read(password_asked[0], &number, 1) == 1) {
		password_compute(&jobs[number]);
		if (write(password_answered[1], &number, 1) != 1)
			break;
	}
	return NULL;
}

/*
 * Starts the thread that hashes, at the first password; a gateway that sees only tokens has no
 * thread.
 */
static bool password_start(void)
{
	pthread_t thread;

	if (password_asked[0] >= 0)
		return true;
	if (pipe2(password_asked, O_CLOEXEC) < 0)
		return false;
	if (pipe2(password_answered, O_CLOEXEC) == 0) {
		if (pthread_create(&thread, NULL, password_run, NULL) == 0)
			return pthread_detach(thread) == 0;
		close(password_answered[0]);
		close(password_answered[1]);
	}
	close(password_asked[0]);
	close(password_asked[1]);
	password_asked[0] = password_answered[0] = -1;
	return false;
}

/* Returns the index of a free job, or PASSWORD_JOBS if there is none for this address. */
static uint8_t password_place(const char *address, bool known)
{
	unsigned used = 0, of_address = 0;
	uint8_t place = PASSWORD_JOBS;

	for (uint8_t i = 0; i < PASSWORD_JOBS; i++) {
		used += jobs[i].used;
		of_address += jobs[i].used && *address && !strcmp(jobs[i].address, address);
		if (!jobs[i].used)
			place = i;
	}
	if (of_address >= PASSWORD_PER_ADDRESS || (!known && used >= PASSWORD_JOBS - PASSWORD_KEPT))
		return PASSWORD_JOBS;
	return place;
}

static bool password_ask(const struct job *job, const char *text, bool known)
{
	uint8_t number = password_place(job->address, known);

	if (number == PASSWORD_JOBS || strlen(text) > PASSWORD_MOST || !password_start())
		return false;
	jobs[number] = *job;
	jobs[number].used = true;
	string_copy(jobs[number].text, sizeof(jobs[number].text), text);
	if (write(password_asked[1], &number, 1) == 1)
		return true;
	explicit_bzero(&jobs[number], sizeof(jobs[number]));
	return false;
}

bool password_check(uint32_t request, uint64_t account, const char *text, const char *hash,
		    const char *address, bool known, password_done done)
{
	struct job job = {.done = done, .known = hash, .result = {request, account, false, ""}};

	login_key(address, job.address, sizeof(job.address));
	if (hash && strlen(hash) >= sizeof(job.setting))
		return false;
	if (hash)
		string_copy(job.setting, sizeof(job.setting), hash);
	else if (!password_salt(job.setting))
		return false;
	return password_ask(&job, text, known);
}

bool password_make(uint32_t request, uint64_t account, const char *text, password_done done)
{
	struct job job = {.done = done, .make = true, .result = {request, account, false, ""}};

	return password_salt(job.setting) && password_ask(&job, text, true);
}

int password_wait(void)
{
	return password_answered[0];
}

void password_ready(void)
{
	struct job job;
	uint8_t number;

	if (read(password_answered[0], &number, 1) != 1)
		return;
	job = jobs[number];
	explicit_bzero(&jobs[number], sizeof(jobs[number]));
	job.done(&job.result);
	explicit_bzero(&job, sizeof(job));
}
