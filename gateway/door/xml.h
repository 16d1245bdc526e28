/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/buffer.h"

/*
 * Functions that write XML, an element a line: xml_begin() and its attributes, then xml_close() for
 * an empty element, or xml_text() for one with a text, or xml_open(), the elements inside, and
 * xml_end().
 */
void xml_begin(struct buffer *text, const char *name);
void xml_attribute(struct buffer *text, const char *name, const char *value);
void xml_close(struct buffer *text);
void xml_open(struct buffer *text);
void xml_text(struct buffer *text, const char *name, const char *value);
void xml_end(struct buffer *text, const char *name);
