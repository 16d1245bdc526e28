/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Return the OpenAPI 3.1 file as text, and the table of routes for the test of roles; the caller
 * frees the text.
 */
char *openapi_text(void);
char *openapi_routes(void);
