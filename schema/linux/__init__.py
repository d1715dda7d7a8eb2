"""What a Linux guest makes of a layout: slot numbers and names of network interfaces."""
