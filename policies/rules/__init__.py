"""One module for each subject; every rule is a generator of sentences, one for each thing that is wrong."""
