"""The bench on real MRI with references: gliomas of several institutions, and hippocampi."""
