"""Prediction nodes on Azure: Functions as trigger, Container Apps jobs, Container Registry, Key Vault."""
