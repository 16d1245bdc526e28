/* SPDX-License-Identifier: MIT */
/* A request's way down through the layers of a disk, and its end's way up through the same ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/driver/disk/core/layer.c"

#define CLIENT ((struct client *)(uintptr_t)1)

/* The functions that were called, a letter for each: a capital letter for the high layer. */
static char called[32];
static bool room;
static enum layer_answer high_answer;
static const struct layer *const *high_below;

static void note(char letter)
{
	size_t length = strlen(called);

	assert_true(length + 1 < sizeof(called));
	called[length] = letter;
}

static bool submit(struct driver_request *request)
{
	(void)request;
	note('!');
	return room;
}

const struct driver_ops driver_ops = {.submit = submit};

static enum layer_answer high_write(struct client *client, const struct block_request *request,
				    enum block_status *status)
{
	(void)request;
	assert_ptr_equal(client, CLIENT);
	note('W');
	if (high_answer == LAYER_ENDS)
		*status = BLOCK_UNSUPPORTED;
	return high_answer;
}

static enum layer_answer low_read(struct client *client, const struct block_request *request,
				  enum block_status *status)
{
	(void)client, (void)request, (void)status;
	note('r');
	return LAYER_WAITS;
}

static enum layer_answer low_write(struct client *client, const struct block_request *request,
				   enum block_status *status)
{
	(void)client, (void)request, (void)status;
	note('w');
	return LAYER_PASSES;
}

static void high_open(struct client *client, const struct layer *const *below)
{
	(void)client;
	high_below = below;
}

static void high_begin(struct client *client, struct driver_request *request)
{
	(void)client;
	request->sector++;
	note('B');
}

static void low_begin(struct client *client, struct driver_request *request)
{
	(void)client;
	request->sector *= 2;
	note('b');
}

static void low_cancel(struct client *client, struct driver_request *request)
{
	(void)client, (void)request;
	note('c');
}

static enum block_status high_done(struct client *client, struct driver_request *request,
				   enum block_status status)
{
	(void)client, (void)request;
	assert_int_equal(status, BLOCK_ERROR); /* the status is what the lower layer says */
	note('D');
	return status;
}

static enum block_status low_done(struct client *client, struct driver_request *request,
				  enum block_status status)
{
	(void)client, (void)request;
	assert_int_equal(status, BLOCK_OK);
	note('d');
	return BLOCK_ERROR;
}

static const struct layer high = {
	.open = high_open, .write = high_write, .begin = high_begin, .done = high_done};
static const struct layer low = {.read = low_read,
				 .write = low_write,
				 .begin = low_begin,
				 .cancel = low_cancel,
				 .done = low_done,
				 .copies = true};
static const struct layer *const layers[] = {&high, &low, NULL};

static int set_up(void **state)
{
	(void)state;
	memset(called, 0, sizeof(called));
	room = true;
	high_answer = LAYER_PASSES;
	return 0;
}

static enum layer_answer ask(u32 operation, enum block_status *status)
{
	const struct block_request request = {.operation = operation};

	*status = BLOCK_OK;
	return layer_ask(layers, CLIENT, &request, status);
}

static void down(void **state)
{
	enum block_status status;

	(void)state;
	assert_int_equal(ask(BLOCK_WRITE, &status), LAYER_PASSES);
	assert_int_equal(ask(BLOCK_DISCARD, &status), LAYER_PASSES);
	assert_int_equal(ask(BLOCK_WRITE_ZEROES, &status), LAYER_PASSES);
	assert_int_equal(ask(BLOCK_FLUSH, &status), LAYER_PASSES); /* no layer takes the flush */
	assert_int_equal(ask(BLOCK_READ, &status), LAYER_WAITS);
	assert_string_equal(called, "WwWwWwr");
}

/* Nothing below a layer hears of a request that ends or waits there. */
static void ends(void **state)
{
	enum block_status status;

	(void)state;
	high_answer = LAYER_ENDS;
	assert_int_equal(ask(BLOCK_WRITE, &status), LAYER_ENDS);
	assert_int_equal(status, BLOCK_UNSUPPORTED);
	high_answer = LAYER_WAITS;
	assert_int_equal(ask(BLOCK_WRITE, &status), LAYER_WAITS);
	assert_string_equal(called, "WW");
}

static void to_the_device(void **state)
{
	struct driver_request request = {.sector = 1};

	(void)state;
	assert_true(layer_submit(layers, CLIENT, &request));
	assert_int_equal(request.sector, 4);
	assert_int_equal(layer_done(layers, CLIENT, &request, BLOCK_OK), BLOCK_ERROR);
	assert_string_equal(called, "Bb!dD");
}

static void no_room(void **state)
{
	struct driver_request request = {0};

	(void)state;
	room = false;
	assert_false(layer_submit(layers, CLIENT, &request));
	assert_string_equal(called, "Bb!c");
}

/* A request that a layer makes by itself passes only the layers below it. */
static void from_a_layer(void **state)
{
	struct driver_request request = {.sector = 1};

	(void)state;
	layer_open(layers, CLIENT);
	assert_ptr_equal(high_below, layers + 1);
	assert_true(layer_submit(high_below, CLIENT, &request));
	assert_int_equal(layer_done(high_below, CLIENT, &request, BLOCK_OK), BLOCK_ERROR);
	assert_string_equal(called, "b!d");
	assert_true(layer_copies(layers));
	assert_false(layer_copies(layers + 2));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {TEST(down), TEST(ends), TEST(to_the_device),
					   TEST(no_room), TEST(from_a_layer)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
