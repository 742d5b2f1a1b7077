"""Customers, products, instances, orders: the CRM core. Standard library only; knows no XML, SQL, network or peer."""
