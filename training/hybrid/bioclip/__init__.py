"""Fine-tuning for bioclip_wings."""
