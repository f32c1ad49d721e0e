// owner_death.long.mjs - the owner of calls stands still in each state; owner_death.test.mjs has it killed.
import { ALL_STATES, theOwnerGoes } from '../support/owner_death.mjs';

theOwnerGoes({ stopped: ALL_STATES });
