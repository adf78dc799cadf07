"""The commands of the device, a module each or two; `edge.cli` joins them."""
