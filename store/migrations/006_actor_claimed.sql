-- How the actor's name is known: claimed is what somebody said (--as, the
-- environment), via the user of the operating system who acted. Of events from
-- before neither is known, and nothing is said.
ALTER TABLE event ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0 CHECK (claimed IN (0, 1));
ALTER TABLE event ADD COLUMN via TEXT NOT NULL DEFAULT '';
