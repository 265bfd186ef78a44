"""What a comparison shows and writes."""
