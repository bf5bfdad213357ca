"""What everything else is built from: specs, problems, transforms, tiles, the engine."""
