module example.training {
    requires dev.palimpsest;

    provides dev.palimpsest.train.MethodProvider with
            example.training.LogitSqueezing.Provider;
}
