//! What the CRM does: rules, one file a noun, over one transactional unit of work.
