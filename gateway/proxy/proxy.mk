# SPDX-License-Identifier: MIT
#
# skerry-proxy, what runs ask hosts through: part of gateway/Makefile.

PROXY_SOURCES := $(sort $(foreach folder,base proxy,$(wildcard $(ROOT)/gateway/$(folder)/*.c)))
PROXY_OBJECTS := $(PROXY_SOURCES:$(ROOT)/gateway/%.c=$(BUILD)/%.o)
PROXY_LIBRARIES := gnutls libseccomp

all: $(BUILD)/skerry-proxy

$(BUILD)/proxy/main.o: CPPFLAGS += -DSKERRY_VERSION='"$(SKERRY_VERSION)"'
$(BUILD)/skerry-proxy: $(PROXY_OBJECTS)
	@$(if $(VERBOSE),,echo "  LD      $@")
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(GATEWAY_LDFLAGS) -o $@ $(PROXY_OBJECTS) \
		$$(pkg-config --libs $(PROXY_LIBRARIES))

-include $(PROXY_OBJECTS:.o=.d)

install: install-proxy
.PHONY: install-proxy
install-proxy: $(BUILD)/skerry-proxy
	install -D -m 755 $< $(DESTDIR)$(PREFIX)/sbin/skerry-proxy
