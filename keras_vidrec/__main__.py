from keras_vidrec.cli.main import main

main()
