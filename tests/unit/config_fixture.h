/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of configurations share: parsing a text, and the problems found in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/config/config.c"
#include "vmm/manager/config/config_firmware.h"
#include "vmm/manager/text/guid.h"
#include "vmm/manager/config/config_keys.h"
#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/config/config_net.c"
#include "vmm/manager/config/config_backup.c"
#include "vmm/manager/config/config_egress.c"
#include "vmm/manager/log/log_names.h"
#include "vmm/manager/login/password.h"
#include "vmm/manager/text/parse_address.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/text/text.h"
#include "vmm/rt/crypto/hmac.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/crypto/sha256.h"
#include "vmm/rt/format.h"

static struct config config;
static struct config_problem problems[64];
static u32 problem_count;

static void take_problem(void *context, const struct config_problem *problem)
{
	(void)context;
	assert_true(problem_count < ARRAY_COUNT(problems));
	problems[problem_count++] = *problem;
}

/* Parses a copy of exactly that length, so that ASan catches any read past its end. */
static u32 parse_bytes(const char *text, size_t length)
{
	char *copy = malloc(length == 0 ? 1 : length);
	u32 count;

	memcpy(copy, text, length);
	config_init(&config);
	problem_count = 0;
	count = config_parse(&config, "skerry.conf", (struct text){copy, length}, take_problem,
			     NULL);
	free(copy);
	assert_int_equal(count, problem_count);
	return count;
}

static UNUSED u32 parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static UNUSED void expect_problem(u32 index, u32 line, u32 column, const char *part)
{
	assert_true(index < problem_count);
	assert_int_equal(problems[index].line, line);
	assert_int_equal(problems[index].column, column);
	if (strstr(problems[index].text, part) == NULL)
		assert_string_equal(problems[index].text, part);
}
