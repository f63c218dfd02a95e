"""The courier: hands the ledger to its receivers, one adapter per kind."""
