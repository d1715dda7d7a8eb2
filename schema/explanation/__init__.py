"""Why a request has no layout, in data and words: facts, their conflict, remedies; and the request that says less."""
