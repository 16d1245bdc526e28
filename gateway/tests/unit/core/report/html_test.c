/* SPDX-License-Identifier: MIT */
/*
 * Tests of the page of a report: what is hostile stays text, what is unknown is called so, and what
 * is bad has a class of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/base/buffer.c"
#include "gateway/base/bytes.c"
#include "gateway/core/report/html.c"

static void check_text(const char *text, const char *wanted)
{
	struct buffer page = {0};

	html_text(&page, text);
	assert_string_equal(page.bytes, wanted);
	buffer_free(&page);
}

static void test_text(void **state)
{
	(void)state;
	check_text("web & <b>\"x\"</b> 'y'",
		   "web &amp; &lt;b&gt;&quot;x&quot;&lt;/b&gt; &#39;y&#39;");
	check_text("a\nb\x1b[2J\x7f", "a\\u{a}b\\u{1b}[2J\\u{7f}");
	/* marks that turn the order of reading round, that have no width, and a C1 control */
	check_text("a\u202eb\u2066c\u200bd\ufeff\xc2\x9b",
		   "a\\u{202e}b\\u{2066}c\\u{200b}d\\u{feff}\\u{9b}");
	check_text("\U000e0041x", "\\u{e0041}x");
	check_text("M\u00fcller \u4e2d\U0001f600", "M\u00fcller \u4e2d\U0001f600");
	check_text("\xff<", "(no UTF-8)");
}

static struct buffer page_of(const char *items)
{
	json_error_t error;
	json_t *report = json_pack("{s:s, s:s, s:[{s:s, s:s, s:s, s:s, s:{s:n, s:b}, s:o}]}",
				   "made", "now", "asked_by", "<i>", "sections", "id", "x", "title",
				   "T", "status", "partly", "note", "<n>", "facts", "image_digest",
				   "issued", 1, "items", json_loads(items, 0, &error));
	struct buffer page = html_page(report);

	json_decref(report);
	assert_false(page.failed);
	return page;
}

static void test_page(void **state)
{
	struct buffer page =
		page_of("[{\"result\":\"deviates\",\"found\":\"</td><script>\",\"n\":7}]");

	(void)state;
	assert_non_null(strstr(page.bytes, "for &lt;i&gt;."));
	assert_non_null(strstr(page.bytes, "<h2>T <span class=\"unknown\">(partly known)</span>"));
	assert_non_null(strstr(page.bytes, "<p>&lt;n&gt;</p>"));
	assert_non_null(strstr(page.bytes, "image digest</th><td class=\"unknown\">unknown</td>"));
	assert_non_null(strstr(page.bytes, "issued</th><td>yes</td>"));
	assert_non_null(strstr(page.bytes, "<td class=\"bad\">deviates</td>"
					   "<td>&lt;/td&gt;&lt;script&gt;</td><td>7</td>"));
	assert_null(strstr(page.bytes, "<script"));
	buffer_free(&page);
}

static void test_a_guest_cannot_set_a_class(void **state)
{
	struct buffer page = page_of("[{\"vm\":\"broken\",\"found\":\"unknown\"}]");

	(void)state;
	assert_non_null(strstr(page.bytes, "<td>broken</td><td>unknown</td>"));
	buffer_free(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_a_guest_cannot_set_a_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
