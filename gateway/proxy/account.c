/* SPDX-License-Identifier: MIT */
/*
 * Keeps an account for each client address. The listening process opens and closes accounts; the
 * processes of connections count bytes in theirs.
 */
#include "gateway/proxy/account.h"

#include <string.h>
#include <sys/mman.h>

#include "gateway/base/clock.h"

enum { ACCOUNT_PAGE = 4096, ACCOUNT_HOUR_MS = 3600000 };

_Static_assert(sizeof(struct account_page) <= ACCOUNT_PAGE, "an account's bytes are one page");

static struct {
	char *pages;
	unsigned renewed; /* number of times that the rules were read, as this process knows it */
	struct account {
		uint32_t address;
		unsigned connections;
		int64_t hour_ms; /* when the present hour began; 0: the account is free */
	} list[ACCOUNT_COUNT];
} accounts;

bool account_setup(void)
{
	accounts.pages = mmap(NULL, (size_t)ACCOUNT_COUNT * ACCOUNT_PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return accounts.pages != MAP_FAILED;
}

static struct account_page *account_page(int account)
{
	return (struct account_page *)(void *)(accounts.pages + (size_t)account * ACCOUNT_PAGE);
}

/* Begins the hour of an account. */
static void account_begin(int account, int64_t now_ms)
{
	accounts.list[account].hour_ms = now_ms;
	atomic_store(&account_page(account)->renewed, accounts.renewed);
	for (int i = 0; i < RULE_COUNT; i++)
		atomic_store(account_page(account)->moved + i, 0);
}

int account_open(uint32_t address, unsigned most)
{
	int64_t now_ms = clock_ms();
	int place = -1;

	for (int i = 0; i < ACCOUNT_COUNT; i++) {
		struct account *account = accounts.list + i;

		if (account->hour_ms && account->address == address) {
			if (now_ms - account->hour_ms >= ACCOUNT_HOUR_MS)
				account_begin(i, now_ms);
			if (account->connections >= most)
				return -1;
			account->connections++;
			return i;
		}
		/*
		 * A new address takes over the account without connections whose hour began first.
		 */
		if (!account->connections &&
		    (place < 0 || account->hour_ms < accounts.list[place].hour_ms))
			place = i;
	}
	if (place < 0)
		return -1;
	accounts.list[place] = (struct account){.address = address, .connections = 1};
	account_begin(place, now_ms);
	return place;
}

unsigned account_connections(int account)
{
	return accounts.list[account].connections;
}

void account_close(int account)
{
	accounts.list[account].connections--;
}

void account_reset(void)
{
	accounts.renewed++;
	for (int i = 0; i < ACCOUNT_COUNT; i++) {
		if (accounts.list[i].hour_ms)
			account_begin(i, accounts.list[i].hour_ms);
	}
}

struct account_page *account_keep(int account)
{
	size_t before = (size_t)account * ACCOUNT_PAGE;
	size_t behind = (size_t)(ACCOUNT_COUNT - account - 1) * ACCOUNT_PAGE;

	if (before)
		munmap(accounts.pages, before);
	if (behind)
		munmap(accounts.pages + before + ACCOUNT_PAGE, behind);
	return account_page(account);
}

void account_forget(void)
{
	munmap(accounts.pages, (size_t)ACCOUNT_COUNT * ACCOUNT_PAGE);
}

bool account_is_old(struct account_page *page)
{
	return atomic_load(&page->renewed) != accounts.renewed;
}

bool account_add(struct account_page *page, const struct rules *rules, const struct rule *rule,
		 uint64_t bytes)
{
	uint64_t moved = atomic_fetch_add(page->moved + (rule - rules->list), bytes) + bytes;

	return !rule->bytes || moved <= rule->bytes;
}
