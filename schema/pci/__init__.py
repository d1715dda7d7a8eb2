"""Facts of PCI and of the two machines: addresses, buses, controllers, properties."""
