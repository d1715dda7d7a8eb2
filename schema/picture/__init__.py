"""Pictures of layouts: what stands where, and which ports and addresses it takes, as SVG and as HTML."""
