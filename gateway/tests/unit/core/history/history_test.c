/* SPDX-License-Identifier: MIT */
/* What is kept of samples: rings, files that are damaged, and clocks that are set. */
#include "gateway/tests/unit/core/history/history_fixture.h"

/* Forgets what is in memory, as a gateway does that begins anew after a loss of power. */
static void begin_anew(void)
{
	while (history.things) {
		struct history_thing *thing = history.things;

		history.things = thing->next;
		free(thing);
	}
	history.last_s = 0;
}

/* --- records --- */

static void test_a_value_is_as_exact_as_promised(void **state)
{
	double value = 1;

	(void)state;
	for (unsigned i = 0; i < 2047; i++)
		assert_true(record_unpack(record_pack(i, 1), 1) == i);
	for (; value < 0x1p55; value *= 1.37) {
		double back = record_unpack(record_pack(value, 100), 100);

		assert_true(fabs(back - value) <= value * 0.0005 + 0.005);
	}
	assert_true(isnan(record_unpack(record_pack(NAN, 1), 1)));
	assert_true(record_unpack(record_pack(-5, 1), 1) == 0);
	assert_true(record_unpack(record_pack(1e300, 1), 1) > 1e18);
}

static void test_a_record_shows_that_it_is_whole(void **state)
{
	struct history_point point = {.period = 7, .count = 3}, back;
	unsigned char record[HISTORY_RECORD_BYTES];
	size_t bytes = history_record_bytes(WEB, HISTORY_MINUTE);

	(void)state;
	assert_int_equal(bytes, HISTORY_RECORD_BYTES);
	history_record_encode(WEB, HISTORY_MINUTE, &point, record);
	assert_true(history_record_decode(WEB, HISTORY_MINUTE, 7, record, &back));
	assert_false(history_record_decode(WEB, HISTORY_MINUTE, 8, record, &back));
	assert_false(history_record_decode(WEB, HISTORY_HOUR, 7, record, &back));
	for (size_t i = 0; i < bytes; i++) {
		record[i] ^= 4;
		assert_false(history_record_decode(WEB, HISTORY_MINUTE, 7, record, &back));
		record[i] ^= 4;
	}
	memset(record, 0, sizeof(record));
	assert_false(history_record_decode(WEB, HISTORY_MINUTE, 0, record, &back));
}

static void test_what_is_unknown_does_not_count(void **state)
{
	struct history_point all = {.count = 60}, other = {.count = 60};

	(void)state;
	all.least[0] = all.mean[0] = all.most[0] = NAN;
	other.least[0] = 1, other.mean[0] = 2, other.most[0] = 3;
	history_record_merge(WEB, &all, &other);
	assert_true(all.least[0] == 1 && all.mean[0] == 2 && all.most[0] == 3);
	other.least[0] = other.mean[0] = other.most[0] = NAN;
	history_record_merge(WEB, &all, &other);
	assert_true(all.least[0] == 1 && all.mean[0] == 2 && all.most[0] == 3);
}

/* --- time --- */

static void test_samples_go_into_all_tiers(void **state)
{
	struct history_point point;

	(void)state;
	pass(1800);
	rates.cpu_percent = 100;
	pass(1800);
	history_flush();
	begin_anew();
	point = point_at(BEGIN, 3600);
	assert_int_equal(point.count, 3599);
	assert_true(point.least[0] == 50 && point.most[0] == 100);
	assert_true(fabs(point.mean[0] - 75) < 0.1);
	point = point_at(BEGIN + 60, 60);
	assert_int_equal(point.count, 60);
	assert_true(point.mean[0] == 50);
	assert_true(point_at(BEGIN + 3000, 1).mean[0] == 100);
	assert_int_equal(point_at(BEGIN + 7200, 60).count, 0);
	point = point_at(BEGIN + 60, 60);
	assert_true(isnan(point.mean[5]));
}

static void test_what_waits_is_read_too_and_counts_once(void **state)
{
	(void)state;
	pass(90);
	assert_int_equal(point_at(BEGIN + 60, 60).count, 31);
	history_flush();
	assert_int_equal(point_at(BEGIN + 60, 60).count, 31);
	pass(10);
	assert_int_equal(point_at(BEGIN + 60, 60).count, 41);
	begin_anew();
	assert_int_equal(point_at(BEGIN + 60, 60).count, 31);
	pass(10);
	assert_int_equal(point_at(BEGIN + 60, 60).count, 41);
}

static void test_no_more_is_read_than_a_ring_has(void **state)
{
	(void)state;
	assert_int_equal(history_records(1, 60), 60);
	assert_int_equal(history_records(59, 1500), 3600);
	assert_int_equal(history_records(60, 1440), 1440);
	assert_int_equal(history_records(1800, 1500), 31 * 24 * 60);
	assert_int_equal(history_records(7200, 372), 744);
	/* The longest time there is: since 1970, by 30 days. */
	assert_int_equal(history_records(30 * 24 * 3600, 1500), 731 * 24);
	assert_int_equal(history_records(30 * 24 * 3600 - 60, 1500), 31 * 24 * 60);
}

static void test_a_ring_goes_round(void **state)
{
	(void)state;
	pass(3600 + 600);
	history_flush();
	assert_int_equal(point_at(BEGIN + 300, 1).count, 0);
	assert_int_equal(point_at(BEGIN + 900, 1).count, 1);
	assert_int_equal(point_at(BEGIN + 300, 60).count, 60);
}

static void test_a_late_round_stands_for_the_time_since_the_last_one(void **state)
{
	(void)state;
	pass(61);
	test_time += 2;
	test_clock_s += 2;
	pass(1);
	assert_int_equal(point_at(BEGIN + 60, 60).count, 5);
	test_time += 60;
	test_clock_s += 60;
	pass(1);
	assert_int_equal(point_at(BEGIN + 70, 1).count, 0);
}

static void test_a_first_round_says_nothing_of_cpus(void **state)
{
	struct history_point points[2];

	(void)state;
	host.cpu_count = 1;
	host.cpus[0].busy_percent = 30;
	pass(2);
	assert_true(history_read("host", BEGIN + 1, 1, 2, points));
	assert_true(isnan(points[0].mean[0]) && points[0].mean[1] == 0);
	assert_true(points[1].mean[0] == 30);
}

static void test_a_clock_that_is_set_back_loses_nothing_else(void **state)
{
	(void)state;
	pass(1200);
	test_time -= 600;
	rates.cpu_percent = 10;
	pass(120);
	history_flush();
	assert_true(point_at(BEGIN + 300, 60).mean[0] == 50);
	assert_int_equal(point_at(BEGIN + 660, 60).count, 120);
	assert_true(point_at(BEGIN + 660, 60).least[0] == 10);
	assert_true(point_at(BEGIN + 900, 60).mean[0] == 50);
	assert_true(point_at(BEGIN + 650, 1).mean[0] == 10);
}

static void test_a_clock_far_in_the_future_and_back(void **state)
{
	(void)state;
	pass(1200);
	test_time += 400000000;
	pass(120);
	test_time -= 400000120;
	pass(120);
	test_time = 0;
	pass(2);
	assert_int_equal(history.things->count <= HISTORY_WAITING, 1);
	assert_int_equal(point_at(BEGIN + 660, 60).count, 60);
	assert_int_equal(point_at(BEGIN + 1260, 60).count, 60);
}

/* --- files --- */

static void damage(off_t at, const void *bytes, size_t count)
{
	int fd = openat(file_folder, "vm-web", O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, count, at), (ssize_t)count);
	close(fd);
}

static void test_a_file_has_its_size_at_once(void **state)
{
	struct stat status;

	(void)state;
	pass(HISTORY_AGE - 1);
	history_flush();
	assert_false(is_there("vm-web"));
	pass(2);
	history_flush();
	assert_int_equal(fstatat(file_folder, "vm-web", &status, 0), 0);
	assert_int_equal(status.st_size, (off_t)history_file_bytes(WEB));
	assert_true((size_t)status.st_blocks * 512 >= history_file_bytes(WEB));
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void test_a_torn_record_is_left_out(void **state)
{
	(void)state;
	pass(200);
	history_flush();
	damage(file_place(WEB, HISTORY_MINUTE, BEGIN / 60 + 1) + 20, "torn", 4);
	assert_int_equal(point_at(BEGIN + 60, 60).count, 0);
	assert_int_equal(point_at(BEGIN + 120, 60).count, 60);
	assert_false(is_there("vm-web~"));
}

static void test_a_file_that_is_cut_is_set_aside(void **state)
{
	int fd;

	(void)state;
	pass(200);
	history_flush();
	fd = openat(file_folder, "vm-web", O_WRONLY);
	assert_int_equal(ftruncate(fd, 100000), 0);
	close(fd);
	pass(60);
	history_flush();
	assert_true(is_there("vm-web~"));
	assert_true(is_there("vm-web"));
	assert_int_equal(point_at(BEGIN + 60, 60).count, 0);
	assert_int_equal(point_at(BEGIN + 240, 60).count, 21);
}

static void test_heads_that_are_not_ours(void **state)
{
	static const struct {
		off_t at;
		char bytes[4];
	} faults[] = {
		{0, "ELF"}, {8, {2, 0, 0, 0}}, {12, {77, 0, 0, 0}}, {16, {1, 2, 3, 4}}, {40, "zz"}};

	(void)state;
	pass(200);
	for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
		history_flush();
		damage(faults[i].at, faults[i].bytes, 4);
		unlinkat(file_folder, "vm-web~", 0);
		pass(1);
		history_flush();
		assert_true(is_there("vm-web~"));
		assert_int_equal(point_at((uint32_t)test_time, 1).count, 1);
	}
}

static void test_what_is_no_plain_file_is_set_aside(void **state)
{
	(void)state;
	assert_int_equal(symlinkat("/dev/null", file_folder, "vm-web"), 0);
	pass(90);
	assert_true(is_there("vm-web~"));
	unlinkat(file_folder, "host", 0);
	assert_int_equal(mkfifoat(file_folder, "host", 0600), 0);
	pass(1);
	history_flush();
	assert_true(is_there("host~"));
	assert_int_equal(point_at(BEGIN + 60, 60).count, 32);
}

static void test_names(void **state)
{
	static const char *const bad[] = {"",	    "vm",	  "vm/",     "host/a",	"vm/../x",
					  "vm/a/b", "disk/a/b/c", "files/a", "net/a/b", "VM/a"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		assert_null(history_form(bad[i]));
	assert_non_null(history_form("host"));
	assert_ptr_equal(history_form("vm/web"), WEB);
	assert_non_null(history_form("disk/pool/web"));
}

int main(void)
{
#define ONE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		ONE(test_a_value_is_as_exact_as_promised),
		ONE(test_a_record_shows_that_it_is_whole),
		ONE(test_what_is_unknown_does_not_count),
		ONE(test_samples_go_into_all_tiers),
		ONE(test_what_waits_is_read_too_and_counts_once),
		ONE(test_no_more_is_read_than_a_ring_has),
		ONE(test_a_ring_goes_round),
		ONE(test_a_late_round_stands_for_the_time_since_the_last_one),
		ONE(test_a_first_round_says_nothing_of_cpus),
		ONE(test_a_clock_that_is_set_back_loses_nothing_else),
		ONE(test_a_clock_far_in_the_future_and_back),
		ONE(test_a_file_has_its_size_at_once),
		ONE(test_a_torn_record_is_left_out),
		ONE(test_a_file_that_is_cut_is_set_aside),
		ONE(test_heads_that_are_not_ours),
		ONE(test_what_is_no_plain_file_is_set_aside),
		ONE(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
