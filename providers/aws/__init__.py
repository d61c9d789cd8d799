"""Prediction nodes on AWS: Lambda functions as triggers, Batch jobs on Fargate, images from CodeBuild in ECR."""
