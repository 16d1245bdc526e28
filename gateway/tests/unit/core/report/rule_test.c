/* SPDX-License-Identifier: MIT */
/*
 * Tests of the rules of the profile: none passes when nothing is known; those of leaks, backups and
 * encryption pass, deviate and are unknown; a long list of names is cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/base/buffer.c"
#include "gateway/base/bytes.c"
#include "gateway/core/report/profile.c"
#include "gateway/core/report/rule.c"
#include "gateway/core/report/sbom.c"
#include "gateway/core/report/section.c"
#include "gateway/core/report/section_machine.c"
#include "gateway/core/report/section_people.c"
#include "gateway/core/report/section_storage.c"
#include "gateway/core/report/storage.c"

enum { NOW = 1800000000 };

void audit_hash(const char *line, size_t count, char *hash)
{
	(void)line;
	(void)count;
	hash[0] = '\0';
}

static enum rule_result judge(const struct report_facts *facts, const char *id,
			      struct rule_found *found)
{
	*found = (struct rule_found){0};
	for (unsigned i = 0; i < rule_hardened_count; i++) {
		if (!strcmp(rule_hardened[i].id, id))
			return rule_hardened[i].judge(facts, found);
	}
	fail_msg("there is no rule %s", id);
	return RULE_UNKNOWN;
}

static void test_nothing_known_never_passes(void **state)
{
	const struct report_facts facts = {0};

	(void)state;
	for (unsigned i = 0; i < rule_hardened_count; i++) {
		struct rule_found found = {0};

		assert_int_not_equal(rule_hardened[i].judge(&facts, &found), RULE_PASSES);
		assert_true(*found.text);
	}
}

static enum rule_result leaks(const char *list)
{
	struct report_facts facts = {.cpu = json_pack("{s:o}", "leaks", json_loads(list, 0, NULL))};
	struct rule_found found;
	enum rule_result result = judge(&facts, "leaks", &found);

	json_decref(facts.cpu);
	return result;
}

static void test_leaks(void **state)
{
	(void)state;
	assert_int_equal(leaks("[{\"state\":\"closed\"},{\"state\":\"not applicable\"}]"),
			 RULE_PASSES);
	assert_int_equal(leaks("[{\"state\":\"closed\"},{\"leak\":\"mds\",\"state\":\"open\"}]"),
			 RULE_DEVIATES);
	/* a word of a later Skerry, or of none */
	assert_int_equal(leaks("[{\"state\":\"closed\"},{\"state\":\"half\"}]"), RULE_UNKNOWN);
	assert_int_equal(leaks("[{\"state\":7}]"), RULE_UNKNOWN);
	assert_int_equal(leaks("[]"), RULE_UNKNOWN);
}

static enum rule_result backups(const char *vms, const char *rows)
{
	struct report_facts facts = {.time_s = NOW, .vms = json_loads(vms, 0, NULL)};
	struct rule_found found;
	enum rule_result result;

	facts.asked[REPORT_BACKUPS].rows = json_loads(rows, 0, NULL);
	result = judge(&facts, "backups", &found);
	json_decref(facts.vms);
	json_decref(facts.asked[REPORT_BACKUPS].rows);
	return result;
}

static void test_backups(void **state)
{
	static const char vm[] = "[{\"name\":\"web\"}]";

	(void)state;
	/* NOW is 2027-01-15 08:00:00 */
	assert_int_equal(backups(vm, "[{\"name\":\"web\",\"state\":\"kept\",\"moment\":"
				     "\"20270114080000\"}]"),
			 RULE_PASSES);
	assert_int_equal(backups(vm, "[{\"name\":\"web\",\"state\":\"kept\",\"moment\":"
				     "\"20270112080000\"}]"),
			 RULE_DEVIATES);
	assert_int_equal(backups(vm,
				 "[{\"name\":\"web\",\"state\":\"kept\",\"moment\":"
				 "\"20270114080000\"},{\"name\":\"web\",\"state\":\"failed\"}]"),
			 RULE_DEVIATES);
	/* of another VM; of the future; no moment */
	assert_int_equal(backups(vm, "[{\"name\":\"db\",\"state\":\"kept\",\"moment\":"
				     "\"20270114080000\"}]"),
			 RULE_DEVIATES);
	assert_int_equal(backups(vm, "[{\"name\":\"web\",\"state\":\"kept\",\"moment\":"
				     "\"20280114080000\"}]"),
			 RULE_DEVIATES);
	assert_int_equal(backups(vm, "[{\"name\":\"web\",\"state\":\"kept\",\"moment\":\"now\"}]"),
			 RULE_DEVIATES);
	assert_int_equal(backups("[]", "[]"), RULE_PASSES);
	/* one of its disks has an old one only; the last one failed, and the next one is planned */
	assert_int_equal(backups(vm, "[{\"name\":\"web\",\"state\":\"kept\",\"disk\":\"p/a\","
				     "\"moment\":\"20270114080000\"},{\"name\":\"web\",\"state\":"
				     "\"kept\",\"disk\":\"p/b\",\"moment\":\"20270112080000\"}]"),
			 RULE_DEVIATES);
	assert_int_equal(backups(vm, "[{\"name\":\"web\",\"state\":\"failed\"},{\"name\":\"web\","
				     "\"state\":\"planned\"},{\"name\":\"web\",\"state\":\"kept\","
				     "\"moment\":\"20270114080000\"}]"),
			 RULE_DEVIATES);
}

static enum rule_result encrypted(const char *stores, bool partial)
{
	struct report_facts facts = {0};
	struct rule_found found;
	enum rule_result result;

	facts.asked[REPORT_CONFIG].rows = json_loads(
		"[{\"section\":\"host\"},{\"section\":\"disk\",\"name\":\"d\",\"encrypt\":\"k\"},"
		"{\"section\":\"disk\",\"name\":\"raw\"},"
		"{\"section\":\"store\",\"name\":\"pool\",\"disk\":\"raw\"}]",
		0, NULL);
	facts.asked[REPORT_DISKS].rows =
		json_loads("[{\"name\":\"d\"},{\"name\":\"raw\"}]", 0, NULL);
	facts.asked[REPORT_STORES].rows = json_loads(stores, 0, NULL);
	facts.asked[REPORT_VOLUMES].rows =
		json_loads("[{\"store\":\"pool\",\"name\":\"web\",\"encrypt\":\"k\"}]", 0, NULL);
	facts.asked[REPORT_VOLUMES].partial = partial;
	result = judge(&facts, "encrypted", &found);
	for (unsigned i = 0; i < REPORT_COMMANDS; i++)
		json_decref(facts.asked[i].rows);
	return result;
}

static void test_encrypted(void **state)
{
	(void)state;
	assert_int_equal(encrypted("[{\"state\":\"ready\"}]", false), RULE_PASSES);
	assert_int_equal(encrypted("[{\"state\":\"ready\"}]", true), RULE_UNKNOWN);
	/* a store that cannot be read: Skerry's list of volumes has none of it, and is no error */
	assert_int_equal(encrypted("[{\"state\":\"ready\"},{\"state\":\"held\"}]", false),
			 RULE_UNKNOWN);
}

static void test_a_long_list_of_names_is_cut(void **state)
{
	struct report_facts facts = {.tokens = json_array()};
	struct rule_found found;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		json_array_append_new(facts.tokens,
				      json_pack("{s:s}", "name", "a-token-of-a-name"));
	/* what would have had room behind the cut does not hide it */
	json_array_append_new(facts.tokens, json_pack("{s:s}", "name", "t"));
	assert_int_equal(judge(&facts, "tokens-end", &found), RULE_DEVIATES);
	assert_int_equal(found.count, 101);
	assert_true(strlen(found.text) < FOUND_BYTES);
	assert_non_null(strstr(found.text, ", ..."));
	json_decref(facts.tokens);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_known_never_passes),
		cmocka_unit_test(test_leaks),
		cmocka_unit_test(test_backups),
		cmocka_unit_test(test_encrypted),
		cmocka_unit_test(test_a_long_list_of_names_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
