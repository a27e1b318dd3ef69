"""What liveref costs, beside what people use today: ``python -m benchmarks``; README.md here says more."""
